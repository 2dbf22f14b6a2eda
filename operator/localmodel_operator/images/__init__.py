"""Images: built once for equal content, and delivered to where pods get them."""
