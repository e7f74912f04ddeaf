"""Province profiles: the numbers and hours in which provinces' regulations differ, each with its article."""
