"""What train.py, plot_run.py and predict.py are made of.

options, config     what may be asked: flags, TOML            session      one run from its options to its last line
data, task          rows and what is to be done with them     loop         epochs of steps, measured, kept, stopped
by_hand, in_torch   the two sides: scratch; torch             both         the two in lockstep
place, ranks        device and memory; many processes         stopping     signals
folder, settings    runs/NAME and what config.json holds      checkpoints, sharded, going_on   saved, and gone on with
trained, pictures   a run in use, and drawn                   telling      what a person sees meanwhile
"""
