export type BrokerConfig = {
  id: number;
  logFolder: string;
  port: number;
  controllerPort: number;
  /** Controller ports of all brokers. */
  voters: readonly { id: number; controllerPort: number }[];
};

/**
 * The properties of one broker that is a controller as well (KRaft combined mode). Ports may differ
 * from start to start: the voters are named here and not kept in the metadata log, and brokers
 * register their listeners anew.
 */
export function renderBrokerConfig(config: BrokerConfig): string {
  const listener = `PLAINTEXT://127.0.0.1:${config.port}`;
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': config.id,
    'log.dirs': config.logFolder,
    listeners: `${listener},CONTROLLER://127.0.0.1:${config.controllerPort}`,
    'advertised.listeners': listener,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.quorum.voters': config.voters
      .map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`)
      .join(','),
    'auto.create.topics.enable': false,
    'default.replication.factor': 3,
    'min.insync.replicas': 2,
    'unclean.leader.election.enable': false,
    'log.retention.ms': -1,
    'offsets.topic.replication.factor': 3,
    'offsets.topic.num.partitions': 6,
    'transaction.state.log.replication.factor': 3,
    'transaction.state.log.min.isr': 2,
    'transaction.state.log.num.partitions': 6,
    'group.initial.rebalance.delay.ms': 0,
    // A broker counts as alive with its first heartbeat, and as dead, when it was killed, after the
    // session timeout; the defaults are 2 s and 9 s.
    'broker.heartbeat.interval.ms': 500,
    'broker.session.timeout.ms': 6_000,
    'num.network.threads': 2,
    'num.io.threads': 4,
  };
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}
