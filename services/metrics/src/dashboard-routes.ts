import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyPluginAsync } from "fastify";

const require = createRequire(import.meta.url);

/** No inline script or style, nothing from elsewhere: text of tickets can never become code. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The dashboard at `/`: static files of this package and of uPlot. */
export const dashboardRoutes: FastifyPluginAsync = async (app) => {
  const here = dirname(fileURLToPath(import.meta.url));
  const root = join(here, "..");
  const uplot = join(dirname(require.resolve("uplot/package.json")), "dist");
  app.addHook("onSend", async (_request, reply) => {
    reply
      .header("content-security-policy", policy)
      .header("x-content-type-options", "nosniff")
      .header("referrer-policy", "no-referrer");
  });
  await app.register(fastifyStatic, {
    root: join(root, "dashboard", "public"),
    prefix: "/",
    cacheControl: false,
  });
  await app.register(fastifyStatic, {
    root: join(root, "dist", "dashboard"),
    prefix: "/app/",
    decorateReply: false,
    cacheControl: false,
  });
  await app.register(fastifyStatic, {
    root: uplot,
    prefix: "/uplot/",
    decorateReply: false,
    allowedPath: (path) => /^\/(uPlot\.esm\.js|uPlot\.min\.css)$/.test(path),
  });
};
