"""Programs for those who work on Headgate; they are in no wheel."""
