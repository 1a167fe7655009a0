/**
 * `name` in kebab case: `outputDir`, `OutputDir` and `output-dir` are one name, and so are `pgBackup` and `pg-backup`. An abbreviation
 * is one word: `pushgatewayURL` is `pushgateway-url`.
 */
export function kebab(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase();
}

/** What `get` has under `name` or, where that is nothing, under the name in kebab case. */
export function findNamed<Found>(name: string, get: (name: string) => Found | undefined): Found | undefined {
  return get(name) ?? get(kebab(name));
}
