//! Wiring: words in, answer out, exit code.

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use relay::answer::Answer;
use relay::cli::{Cli, Command, Rules};
use relay::commands::{
    articles, diff, dlq, explain, explain_price, handles, held, preview, rejected, release, replay, rules,
    rules_in_force, runs, source, sources, status, trace, withdraw,
};
use relay::error::CliError;
use relay::shown::plain;
use relay::stack::Stack;
use runtime::{Clock, SystemClock};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Completions { shell } = cli.command {
        clap_complete::generate(shell, &mut Cli::command(), "relay", &mut std::io::stdout());
        return ExitCode::SUCCESS;
    }
    let json = cli.common.json;
    match carry_out(cli).await.and_then(|answer| write(&answer, json)) {
        Ok(attention) => ExitCode::from(u8::from(attention)),
        // Whoever read our answer has read enough.
        Err(CliError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let (what, advice) = (plain(&error.to_string()), plain(&error.advice()));
            let _ = writeln!(std::io::stderr(), "error: {what}\n  what to do: {advice}");
            ExitCode::from(error.exit_code())
        }
    }
}

async fn carry_out(cli: Cli) -> Result<Answer, CliError> {
    if let Command::Explain { code } = &cli.command {
        return explain::run(code.as_deref());
    }
    if let Command::Source { command } = &cli.command
        && let Some(answer) = source::at_the_desk(command)
    {
        return answer;
    }
    let now = SystemClock.now_ms();
    // What stands on disk needs no stack.
    match &cli.command {
        Command::Rules { command: Rules::Check { paths, rates } } => return rules::check(paths, rates.as_deref()),
        Command::Rules { command: Rules::Unmapped { feed: Some(feed), source, configured } } => {
            return rules::unmapped_in_feed(feed, source.as_deref(), configured, now);
        }
        Command::ExplainPrice { product, feed: Some(feed), source, configured } => {
            return explain_price::in_feed(product, feed, source.as_deref(), configured, now);
        }
        Command::Preview(asked) if asked.against.is_some() => return preview::run(None, asked, now).await,
        _ => {}
    }
    let stack = Stack::open(&cli.common).await?;
    match &cli.command {
        Command::Status => status::run(&stack, now).await,
        Command::Trace { product, runs } => trace::run(&stack, product, *runs, now).await,
        Command::Runs { limit } => runs::run(&stack, *limit, now).await,
        Command::Rejected { run, limit } => rejected::run(&stack, run, *limit).await,
        Command::Dlq { command } => dlq::run(&stack, command).await,
        Command::Sweep { selection } => dlq::sweep(&stack, selection).await,
        Command::Replay { target, stage, as_newest } => replay::run(&stack, target, *stage, *as_newest, now).await,
        Command::Release { product: Some(product), .. } => release::run(&stack, product, now).await,
        Command::Release { product: None, .. } => release::deleted(&stack, now).await,
        Command::Handles { command } => handles::run(&stack, command, now).await,
        Command::Articles => articles::run(&stack, now).await,
        Command::Withdraw { run } => withdraw::run(&stack, run).await,
        Command::Diff { product } => diff::run(&stack, product, now).await,
        Command::Explain { code } => explain::run(code.as_deref()),
        Command::Rules { command: Rules::Check { paths, rates } } => rules::check(paths, rates.as_deref()),
        Command::Rules { command: Rules::Unmapped { configured, .. } } => {
            rules::unmapped(&stack, configured, now).await
        }
        Command::Held { command } => held::run(&stack, command, now).await,
        Command::Rules { command } => rules_in_force::run(&stack, command, now).await,
        Command::ExplainPrice { product, configured, .. } => explain_price::run(&stack, product, configured, now).await,
        Command::Preview(asked) => preview::run(Some(&stack), asked, now).await,
        Command::Source { command } => sources::run(&stack, command, now).await,
        Command::Completions { .. } => Ok(Answer::new(&(), String::new(), false)),
    }
}

fn write(answer: &Answer, json: bool) -> Result<bool, CliError> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", answer.written().map_err(std::io::Error::from)?)?;
    } else {
        writeln!(out, "{}", answer.text)?;
    }
    Ok(answer.attention)
}
