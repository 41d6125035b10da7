"""What stands between files and those who read them.

``checked``: what all readers check, and errors that name file and place;
``signatures``: what a file is by its begin; ``pickles`` says how to write otherwise
what is never read; ``apart`` (``apart_worker``, ``apart_child``): packages of others
read in a process of their own.
"""
