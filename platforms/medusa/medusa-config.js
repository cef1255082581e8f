const { defineConfig } = require("@medusajs/framework/utils");

// Medusa as the stack beside this folder runs it: several processes, so everything they share is in PostgreSQL and Valkey, and both are reached
// over TLS only. Host names come as variables, secrets as variables too, put there by ECS.
const need = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`environment variable is missing: ${name}`);
  return value;
};

const user = encodeURIComponent(need("DATABASE_USER"));
const password = encodeURIComponent(need("DATABASE_PASSWORD"));
const databaseUrl = `postgres://${user}:${password}@${need("DATABASE_HOST")}:${process.env.DATABASE_PORT || 5432}/${need("DATABASE_NAME")}`;
const redisUrl = `rediss://:${encodeURIComponent(need("CACHE_PASSWORD"))}@${need("CACHE_HOST")}:${process.env.CACHE_PORT || 6379}`;

module.exports = defineConfig({
  admin: { disable: true },
  // Titles and descriptions in a second language.
  featureFlags: { translation: true },
  modules: [
    { resolve: "@medusajs/medusa/translation" },
    {
      resolve: "@medusajs/medusa/event-bus-redis",
      options: { redisUrl, jobOptions: { removeOnComplete: { age: 3600, count: 1000 }, removeOnFail: { age: 86400, count: 1000 } } },
    },
    { resolve: "@medusajs/medusa/workflow-engine-redis", options: { redis: { redisUrl } } },
    {
      resolve: "@medusajs/medusa/locking",
      options: {
        providers: [{ resolve: "@medusajs/medusa/locking-redis", id: "locking-redis", is_default: true, options: { redisUrl } }],
      },
    },
  ],
  projectConfig: {
    databaseUrl,
    // The certificate is checked: NODE_EXTRA_CA_CERTS in the image names Amazon's authorities.
    databaseDriverOptions: { connection: { ssl: { rejectUnauthorized: true } } },
    redisUrl,
    workerMode: process.env.MEDUSA_WORKER_MODE || "shared",
    http: {
      storeCors: process.env.STORE_CORS || "",
      adminCors: process.env.ADMIN_CORS || "",
      authCors: process.env.AUTH_CORS || "",
      jwtSecret: need("JWT_SECRET"),
      cookieSecret: need("COOKIE_SECRET"),
    },
  },
});
