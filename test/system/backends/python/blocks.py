# Stands for the site's own list of who has blocked whom.
def has_blocked(user, other):
    return (user, other) == ("bob", "eve")
