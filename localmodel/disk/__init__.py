"""Files and folders on this machine: the home folder, state files, source folders."""
