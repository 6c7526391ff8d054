"""A change as an edit of the user's own source, and in words."""
