"""What tests of several folders share: imitations, judges, and manifests as plain values."""
