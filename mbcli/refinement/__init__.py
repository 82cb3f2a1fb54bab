"""Image units to metres, and a motion made steadier: gaps, outliers, filters, bones, floor."""
