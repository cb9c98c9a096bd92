import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBooks } from "../../../daemon/sqlite/books.ts";
import { Database } from "../../../daemon/sqlite/database.ts";
import { newId } from "../../../src/ids.ts";
import { booksContract, now } from "../../contracts/books.ts";
import { stillClock } from "../../worlds/still-clock.ts";

booksContract("books on SQLite", async () => {
  const folder = join(tmpdir(), newId("request"));
  const database = new Database(join(folder, "network.db"));
  return {
    books: openBooks(database, stillClock(now)),
    close: async () => {
      database.close();
      await rm(folder, { recursive: true });
    },
  };
});
