// Validates an AsyncAPI document with the official parser: `node validate.mjs FILE`.
// Prints one JSON object: {"asyncapi": version, "problems": [...]}; exit code 1 with problems.
import { readFileSync } from "node:fs";
import parser from "@asyncapi/parser";

const { document, diagnostics } = await new parser.Parser().parse(readFileSync(process.argv[2], "utf8"));
const SEVERITIES = ["error", "warning", "information", "hint"];
const problems = diagnostics.map((one) => ({
  severity: SEVERITIES[one.severity],
  code: one.code,
  path: one.path.join("."),
  message: one.message,
}));
process.stdout.write(JSON.stringify({ asyncapi: document?.version() ?? null, problems }) + "\n");
process.exit(problems.some((one) => one.severity === "error" || one.severity === "warning") ? 1 : 0);
