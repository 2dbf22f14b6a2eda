"""Reading what others wrote: standard library only, for the library on this machine and the server in the image."""
