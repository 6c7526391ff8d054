"""The faces of a report: command line, terminal, JUnit, picture."""
