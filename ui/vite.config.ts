import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** `npm run dev` serves pages that ask this server. */
const server = process.env.HEADGATE_URL ?? "http://127.0.0.1:8000";
const asked = { "/graphql": { target: server, ws: true }, "/uploads": server, "/downloads": server };

const built = "../headgate/server/built_pages";

/** Puts a compressed copy beside each asset that gets smaller: the server sends it as it is. */
function precompressed(): Plugin {
  return {
    name: "precompressed",
    apply: "build",
    closeBundle() {
      for (const name of readdirSync(`${built}/assets`)) {
        const content = readFileSync(`${built}/assets/${name}`);
        const compressed = gzipSync(content, { level: 9 });
        if (compressed.length < content.length) writeFileSync(`${built}/assets/${name}.gz`, compressed);
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), precompressed()],
  build: {
    outDir: built,
    emptyOutDir: true,
    assetsInlineLimit: 0, // the pages' policy takes no data: URLs
    chunkSizeWarningLimit: 3000, // kB: Monaco is one file, which only GraphiQL loads
    reportCompressedSize: false,
    license: { fileName: "licenses.md" }, // of all packages whose code is in the pages
    rollupOptions: {
      input: ["index.html", "graphiql.html"],
      onwarn: (warning, warn) => void (warning.code === "MODULE_LEVEL_DIRECTIVE" || warn(warning)),
    },
  },
  worker: { format: "es" },
  server: { host: "127.0.0.1", proxy: asked },
});
