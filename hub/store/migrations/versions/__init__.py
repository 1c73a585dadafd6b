"""The steps, one file each, named by number. A step that was ever released is never changed."""
