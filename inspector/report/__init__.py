"""What leaves the program: the verdict as text for people and as JSON for other tools."""
