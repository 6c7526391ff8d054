"""Hand-derived layers as people write them, each with one planted mistake, and right ones beside them.

Every file stands alone (NumPy, or torch where the subject is torch's), so a test can edit its source and build the same
subject again. The line that is wrong, or where the missing code would go, ends in `# planted`. Each file ends in its
part of the table, which parity_tests/mutants.py reads and explains: PLANTED, RIGHT, TWO_MISTAKES.
"""
