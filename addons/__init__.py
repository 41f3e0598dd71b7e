"""What runs inside mitmdump, and only there."""
