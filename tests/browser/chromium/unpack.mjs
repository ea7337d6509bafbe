// Unpacks Chromium, and the libraries that a bare Linux lacks, into the folder for temporary files.
import { join } from "node:path";
import { inflate } from "@sparticuz/chromium";

const archives = join(import.meta.dirname, "node_modules", "@sparticuz", "chromium", "bin");
for (const name of ["al2023.tar.br", "swiftshader.tar.br", "chromium.br"]) {
  await inflate(join(archives, name));
}
