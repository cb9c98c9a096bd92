import { readFileSync } from "node:fs";
import { openModelFiles } from "../../daemon/registry/model-files.ts";
import { httpSource } from "../../src/client/byte-source.ts";
import { readSignedManifest } from "../../src/models/manifest.ts";

/** A process of its own that pulls a model: pull-child.ts DIRECTORY URL MANIFEST; prints the path. */
const [directory = "", url = "", manifest = ""] = process.argv.slice(2);
const signed = readSignedManifest(JSON.parse(readFileSync(manifest, "utf8")));
const files = openModelFiles(directory);
const path = await files.pull(signed, httpSource({ url }), () => {}, new AbortController().signal);
process.stdout.write(path);
