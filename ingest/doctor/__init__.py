"""`tolbooth doctor`: looks at an installation, and says what is wrong, with a figure and a mend.

The probes (`broker`, `database`, `machine`) do the I/O and come back with evidence; `findings` judges it and is pure.
"""
