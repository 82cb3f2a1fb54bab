"""Motion capture recordings, read into clip stores: BVH, ASF/AMC and AMASS."""
