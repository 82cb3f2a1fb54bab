"""Optional steps that improve a motion: outliers, gaps, filters, bones, feet, world."""
