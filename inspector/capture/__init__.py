"""Starts and watches the capturing proxy and prepares the client's environment."""
