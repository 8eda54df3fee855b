"""Reading real streets from OpenStreetMap extracts and making a city of them."""
