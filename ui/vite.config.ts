import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** `npm run dev` serves pages that ask this server. */
const server = process.env.HEADGATE_URL ?? "http://127.0.0.1:8000";
const asked = { "/graphql": { target: server, ws: true }, "/uploads": server, "/downloads": server };

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../headgate/server/built_pages",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the pages' policy takes no data: URLs
    rollupOptions: { input: ["index.html", "graphiql.html"] },
  },
  worker: { format: "es" },
  server: { host: "127.0.0.1", proxy: asked },
});
