"""What looks wrong in rules that load: findings with stable names, at their place, each of which can be switched off."""
