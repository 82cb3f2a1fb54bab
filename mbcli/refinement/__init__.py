"""Optional steps that make a motion steadier: outliers, gaps, filters, bones, feet, world."""
