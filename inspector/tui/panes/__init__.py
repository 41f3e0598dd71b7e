"""What the detail panes say, as lines; nothing here knows a widget."""
