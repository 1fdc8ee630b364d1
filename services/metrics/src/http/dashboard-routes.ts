import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyPluginAsync } from "fastify";

const require = createRequire(import.meta.url);

/** No inline script or style, nothing from elsewhere: text of tickets can never become code. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The dashboard at `/`: static files of this package, of uPlot and of the typeface. They hold no data and are served without the token, which the page asks for. */
export const dashboardRoutes: FastifyPluginAsync = async (app) => {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
  app.addHook("onRoute", (route) => {
    route.config = { ...route.config, isPublic: true };
  });
  app.addHook("onSend", async (_request, reply) => {
    reply.header("content-security-policy", policy).header("cache-control", "no-cache");
  });
  await serve(app, "/", join(root, "dashboard", "public"), /./);
  await serve(app, "/app/", join(root, "dist", "dashboard"), /\.js$/);
  await serve(app, "/uplot/", folderOf("uplot", "dist"), /^\/uPlot(\.iife\.min\.js|\.min\.css)$/);
  const fonts = folderOf("@fontsource-variable/inter", "files");
  await serve(app, "/fonts/", fonts, /^\/inter-latin(-ext)?-wght-normal\.woff2$/);
};

async function serve(
  app: FastifyInstance,
  prefix: string,
  root: string,
  allowed: RegExp,
): Promise<void> {
  await app.register(fastifyStatic, {
    root,
    prefix,
    decorateReply: prefix === "/",
    cacheControl: false,
    allowedPath: (path) => allowed.test(path),
  });
}

function folderOf(name: string, folder: string): string {
  return join(dirname(require.resolve(`${name}/package.json`)), folder);
}
