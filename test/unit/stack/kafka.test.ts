import { expect } from 'chai';
import { renderBrokerConfig } from '../../../stack/servers/kafka-config.ts';
import { metadataRequest, parseBrokerIds } from '../../../stack/servers/kafka-probe.ts';

describe('The properties of a broker', () => {
  const lines = renderBrokerConfig({
    id: 2,
    logFolder: '/data/log',
    port: 9093,
    controllerPort: 19_093,
    voters: [
      { id: 1, controllerPort: 19_092 },
      { id: 2, controllerPort: 19_093 },
      { id: 3, controllerPort: 20_001 },
    ],
  }).split('\n');

  it('bind to loopback alone and advertise the same', () => {
    expect(lines).to.include('listeners=PLAINTEXT://127.0.0.1:9093,CONTROLLER://127.0.0.1:19093');
    expect(lines).to.include('advertised.listeners=PLAINTEXT://127.0.0.1:9093');
  });

  it('name the voters by the ports of this start', () => {
    expect(lines).to.include(
      'controller.quorum.voters=1@127.0.0.1:19092,2@127.0.0.1:19093,3@127.0.0.1:20001',
    );
  });

  it('never lose an acknowledged record to one dead broker', () => {
    expect(lines).to.include.members([
      'default.replication.factor=3',
      'min.insync.replicas=2',
      'unclean.leader.election.enable=false',
      'log.retention.ms=-1',
    ]);
  });
});

describe('A metadata request by hand', () => {
  const string = (text: string): Buffer => {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(2);
    length.writeInt16BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const int32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  const nothing = Buffer.from([0xff, 0xff]);
  const broker = (id: number, rack: Buffer): Buffer =>
    Buffer.concat([int32(id), string('127.0.0.1'), int32(9092), rack]);

  it('tells its own length', () => {
    const request = metadataRequest();
    expect(request.readInt32BE(0)).to.equal(request.length - 4);
  });

  it('is answered with the ids of the brokers, with and without a rack', () => {
    const response = Buffer.concat([
      int32(1),
      int32(2),
      broker(3, nothing),
      broker(1, string('r')),
      int32(1),
    ]);
    expect(parseBrokerIds(response)).to.deep.equal([3, 1]);
  });

  it('refuses an answer that is cut short', () => {
    const response = Buffer.concat([int32(1), int32(2), broker(3, nothing)]);
    expect(() => parseBrokerIds(response)).to.throw(RangeError);
  });
});
