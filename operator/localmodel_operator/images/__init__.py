"""Images: builds them once for equal content, and delivers them to where pods get them."""
