"""The widgets of the main screen, one file for each thing on it."""
