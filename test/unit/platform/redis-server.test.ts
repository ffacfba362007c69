import { expect } from 'chai';
import { parseRedisServer, redisServerFault } from '../../../platform/redis-server.ts';

const GOOD = {
  redis_version: '7.0.15',
  role: 'master',
  master_replid: '0f3e',
  maxmemory_policy: 'noeviction',
  evicted_keys: '0',
  cluster_enabled: '0',
};

function infoOf(fields: Record<string, string>): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name}:${value}\r\n`);
  return `# Everything\r\n${lines.join('')}`;
}
const faultOf = (changes: Partial<typeof GOOD>): string | null =>
  redisServerFault(parseRedisServer(infoOf({ ...GOOD, ...changes })));

describe('What Redis says of itself', () => {
  it('is read out of the text of INFO', () => {
    expect(parseRedisServer(infoOf({ ...GOOD, evicted_keys: '15000' }))).to.deep.equal({
      ...{ isMaster: true, replicationId: '0f3e', evictedKeys: 15_000 },
      ...{ version: '7.0.15', maxmemoryPolicy: 'noeviction', isCluster: false },
    });
  });

  it('is nothing against a server that evicts nothing, whatever its newer version', () => {
    for (const version of ['7.0.0', '7.2.4', '8.0.1', '10.1'])
      expect(faultOf({ redis_version: version })).to.equal(null);
  });

  for (const policy of ['volatile-lru', 'allkeys-lru', 'volatile-ttl', 'allkeys-random'])
    it(`is against the policy ${policy}, by its name`, () => {
      expect(faultOf({ maxmemory_policy: policy })).to.contain(`maxmemory-policy is ${policy}`);
    });

  it('is against a server that does not tell its policy, or its version', () => {
    const { maxmemory_policy: _policy, ...incomplete } = GOOD;
    expect(redisServerFault(parseRedisServer(infoOf(incomplete)))).to.contain('not told');
    expect(faultOf({ redis_version: '' })).to.contain('older');
  });

  it('is against a version that is too old, and against Redis Cluster', () => {
    expect(faultOf({ redis_version: '6.2.14' })).to.contain('6.2.14 is older than 7.0');
    expect(faultOf({ cluster_enabled: '1' })).to.contain('Redis Cluster');
  });
});
