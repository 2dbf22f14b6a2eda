"""Files and folders of this machine: the home folder, state, what belongs to a source folder."""
