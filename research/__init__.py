"""Studies behind the numbers of mbcli: how they were made, and what they found (``README.md``).

python -m research.ablation     what each choice of the training is worth
python -m research.calibrate    expected errors of a lifter
python -m research.noise        errors of a 2D model, for training
python -m research.oracles      what each piece of the truth would be worth
python -m research.postures     motions that the recordings lack
python -m research.surface      where keypoints lie on bodies
"""
