using System;
using System.Text;

static class Mint
{
    static void Main(string[] args)
    {
        for (var i = 0; i < args.Length; i += 2)
        {
            var token = args[i + 1] == "" ? ChatToken.Create(args[i]) : ChatToken.Create(args[i], args[i + 1] == "null" ? null : args[i + 1]);
            Console.WriteLine(token + " " + ChatSignature.Of(args[i]));
        }
    }
}
