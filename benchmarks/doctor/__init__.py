"""What `tlearn doctor` finds of the errors that are planted in clean folders."""
