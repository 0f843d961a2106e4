//! The resolver against a scripted name server on loopback.

use std::net::SocketAddr;
use std::str::FromStr;

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;

use super::domain;
use crate::outbound::names::{Mx, MxAnswer, Names, NamesError};

fn name(text: &str) -> Name {
    Name::from_str(text).unwrap()
}

fn answer(asked: &str, kind: RecordType) -> Result<Vec<RData>, ResponseCode> {
    let mx = |preference, host| RData::MX(MX::new(preference, name(host)));
    match (asked, kind) {
        ("two.example.", RecordType::MX) => Ok(vec![mx(20, "B.example."), mx(10, "a.example.")]),
        ("null.example.", RecordType::MX) => Ok(vec![mx(0, ".")]),
        ("mixed.example.", RecordType::MX) => Ok(vec![mx(0, "."), mx(10, "a.example.")]),
        ("odd.example.", RecordType::MX) => Ok(vec![mx(10, "a_b.example."), mx(10, "localhost.")]),
        ("servfail.example.", _) | ("half.example.", RecordType::AAAA) => Err(ResponseCode::ServFail),
        ("refused.example.", _) => Err(ResponseCode::Refused),
        ("gone.example.", _) => Err(ResponseCode::NXDomain),
        ("a.example." | "half.example.", RecordType::A) => Ok(vec![RData::A(A::new(192, 0, 2, 1))]),
        ("a.example.", RecordType::AAAA) => Ok(vec![RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))]),
        ("alias.example.", _) => Ok(vec![RData::CNAME(CNAME(name("a.example.")))]),
        _ => Ok(vec![]),
    }
}

async fn server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((count, from)) = socket.recv_from(&mut buffer).await {
            let query = Message::from_vec(&buffer[..count]).unwrap();
            let mut reply = Message::response(query.metadata.id, OpCode::Query);
            let asked = query.queries[0].clone();
            reply.add_query(asked.clone());
            reply.metadata.recursion_available = true;
            match answer(&asked.name().to_ascii().to_lowercase(), asked.query_type()) {
                Ok(data) => {
                    let records = data.into_iter().map(|data| Record::from_rdata(asked.name().clone(), 60, data));
                    reply.add_answers(records);
                }
                Err(code) => reply.metadata.response_code = code,
            }
            socket.send_to(&reply.to_vec().unwrap(), from).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn absence_failure_and_refusal_are_told_apart() {
    let names = Names::servers(&[server().await]).unwrap();
    let mx = |hosts: &[(u16, &str)]| {
        Ok(MxAnswer::Hosts(hosts.iter().map(|&(preference, host)| Mx { preference, host: domain(host) }).collect()))
    };
    for (asked, expected) in [
        ("two.example", mx(&[(20, "b.example"), (10, "a.example")])),
        ("mixed.example", mx(&[(10, "a.example")])),
        ("null.example", Ok(MxAnswer::Null)),
        ("none.example", Ok(MxAnswer::Unsaid)),
        ("odd.example", Err(NamesError::Unusable)),
        ("gone.example", Err(NamesError::NoSuchDomain)),
        ("servfail.example", Err(NamesError::ServerFailure)),
        ("refused.example", Err(NamesError::ServerFailure)),
    ] {
        assert_eq!(names.mx(&domain(asked)).await, expected, "{asked}");
    }
    for (asked, expected) in [
        ("a.example", Ok(vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()])),
        ("alias.example", Ok(vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()])),
        ("half.example", Ok(vec!["192.0.2.1".parse().unwrap()])),
        ("none.example", Ok(vec![])),
        ("gone.example", Err(NamesError::NoSuchDomain)),
        ("servfail.example", Err(NamesError::ServerFailure)),
    ] {
        assert_eq!(names.addresses(&domain(asked)).await, expected, "{asked}");
    }
    assert_eq!(Names::servers(&[]).err(), Some(NamesError::SetUp));
}
