/** Of a Repository: True where the last check found nothing wrong, False where it is damaged, Unknown where it could not be checked. */
export const REPOSITORY_INTEGRITY = 'Integrity';

/** The reason of a check that found the repository damaged. */
export const DAMAGED = 'Damaged';
