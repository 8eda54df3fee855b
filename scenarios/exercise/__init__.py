"""The exercise beside the city: truth, injects, the clock and the debrief for the instructor. No operator ever comes here."""
