using KvStore.Tests.Simulation;
using Microsoft.Testing.Platform.Builder;

namespace KvStore.Tests;

/// <summary>Runs the tests, or with the word <c>simulate</c> the simulation alone.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] args)
    {
        if (args is ["simulate", .. var options]) return SimulateCommand.Run(options, Console.Out);
        var builder = await TestApplication.CreateBuilderAsync(args);
        SelfRegisteredExtensions.AddSelfRegisteredExtensions(builder, args);
        using var application = await builder.BuildAsync();
        return await application.RunAsync();
    }
}
