const publicNames = new Set<string>([]);
const publicPlaces = new Set<string>([]);

export function isPublicName(value: string): boolean {
  return publicNames.has(value.toLowerCase());
}

export function isPublicPlace(value: string): boolean {
  return publicPlaces.has(value.toLowerCase());
}
