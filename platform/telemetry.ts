// Metrics for Prometheus on a port of their own, and traces by OTLP where an endpoint is named.
import { createServer, type Server } from 'node:http';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { NodeSDK } from '@opentelemetry/sdk-node';
import type { SettingsReader } from './settings.ts';
import { switchTracingOn } from './tracing.ts';

export type TelemetrySettings = {
  /** Metrics are served at http://<host>:<port>/metrics; not at all when no port is named. */
  metricsHost: string;
  metricsPort: number | undefined;
  /** Spans go out only when this is named (OTEL_EXPORTER_OTLP_ENDPOINT); the other OTEL_* count too. */
  otlpEndpoint: string | undefined;
};

/** The settings that every service has for its telemetry. */
export function readTelemetrySettings(read: SettingsReader): TelemetrySettings {
  return {
    metricsHost: read.host('HTTP_HOST'),
    metricsPort:
      read.optional('METRICS_PORT') === undefined ? undefined : read.port('METRICS_PORT'),
    otlpEndpoint: read.optional('OTEL_EXPORTER_OTLP_ENDPOINT'),
  };
}

/**
 * Starts metrics and traces for this process. Instruments made before it record nothing, so it comes
 * first. There is no automatic instrumentation: where it is hot, a span a call is dear.
 * @returns how to flush and end it
 */
export async function startTelemetry(
  service: string,
  settings: TelemetrySettings,
): Promise<{ close(): Promise<void> }> {
  const { metricsHost: host, metricsPort: port } = settings;
  const metrics = port === undefined ? null : await serveMetrics(host, port);
  const sdk = new NodeSDK({
    serviceName: service,
    autoDetectResources: false,
    instrumentations: [],
    logRecordProcessors: [],
    metricReaders: metrics === null ? [] : [metrics.exporter],
    // Without an endpoint there is nobody to send spans to: the SDK would try localhost for ever.
    ...(settings.otlpEndpoint === undefined ? { spanProcessors: [] } : {}),
  });
  sdk.start();
  if (settings.otlpEndpoint !== undefined) switchTracingOn();
  return {
    close: async () => {
      await sdk.shutdown();
      metrics?.server.close();
      metrics?.server.closeAllConnections();
    },
  };
}

// The exporter's own server answers 400 to everything on an IPv6 host: it puts the bare address into a URL.
async function serveMetrics(
  host: string,
  port: number,
): Promise<{ exporter: PrometheusExporter; server: Server }> {
  const exporter = new PrometheusExporter({ preventServerStart: true, withoutScopeInfo: true });
  const server = createServer((request, response) => {
    if (/^\/metrics(?:\?|$)/.test(request.url ?? '')) {
      exporter.getMetricsRequestHandler(request, response);
    } else {
      response.writeHead(404).end();
    }
  });
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port }, resolve);
  await listening;
  return { exporter, server };
}
