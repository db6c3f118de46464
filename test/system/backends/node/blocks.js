// Stands for the site's own list of who has blocked whom.
export const hasBlocked = async (user, other) => user === 'bob' && other === 'eve'
