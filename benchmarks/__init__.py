"""Measurements that a user can repeat: accuracy and speed. Run them from the checkout.

    python -m benchmarks.accuracy    errors on calibrated video and on held-out recordings
    python -m benchmarks.pipeline    frames per second of `mbcli infer`, stage by stage
    python -m benchmarks.startup     how long commands take to start
    python -m benchmarks.sampling    what looking at fewer frames costs in accuracy
    python -m benchmarks.lifter      time of the lifter alone
    python -m benchmarks.memory      peak memory against the length of a video
    python -m benchmarks.batch       videos per hour against the number of processes
    python -m benchmarks.pose2d      frames per second of the 2D models
    python -m benchmarks.render      time and memory of drawing
    python -m benchmarks.training    clips per second of training
    python -m benchmarks.actions     what finetuning on actions reaches
    python -m benchmarks.mesh        what finetuning on meshes reaches
    python -m benchmarks.mutation    which changes of the code the tests notice

What was studied once, to choose a number or a setting, is in ``research``.
"""
