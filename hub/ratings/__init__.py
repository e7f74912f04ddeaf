"""The monthly satisfaction of citizens by procedure, in three grades, on its way to the national portal."""
