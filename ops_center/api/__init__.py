"""The center's own HTTP API: one router per subject. Knows seats and views; judges nothing itself."""
