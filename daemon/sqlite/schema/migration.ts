/** One step of the schema. Applied steps are never edited: a change is a new step at the end of the list. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
}
