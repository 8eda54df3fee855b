"""The rule bench: rules judged by the exact truth of simulated cities, and by recorded data of real ones."""
