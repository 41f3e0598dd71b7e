"""From exchanges to steps and authorization runs."""
